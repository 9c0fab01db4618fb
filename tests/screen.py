"""What a terminal shows after a program's output: enough of ECMA-48 for full-screen programs."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

TOKEN = re.compile(
    r"\x1b(?:\[(?P<private>[<=>?]?)(?P<numbers>[\d;:]*)[ -/]*(?P<final>[@-~])"
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|(?P<short>[0-OQ-WYZ\\`-~]))"
)
CURVES = {" ", "┈", *map(chr, range(0x2800, 0x2900))}
ALTERNATE = ("47", "1047", "1049")


class Screen:
    """Characters by row and column; colours are left out."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.x = self.y = 0
        self._saved = (0, 0)
        self._last = " "
        self._rest = ""
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._clear()

    def _clear(self) -> None:
        self._cells = [[" "] * self.columns for _ in range(self.rows)]

    def lines(self) -> list[str]:
        """The rows, blanks at their ends left out."""
        return ["".join(row).rstrip() for row in self._cells]

    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines())

    def filled(self) -> int:
        """Cells that are neither blank nor a part of a curve, since curves grow with time."""
        return sum(character not in CURVES for row in self._cells for character in row)

    def feed(self, data: bytes) -> None:
        """Take what the program wrote."""
        text = self._rest + self._decode(data)
        self._rest = ""
        position = 0
        while position < len(text):
            if text[position] != "\x1b":
                end = text.find("\x1b", position)
                end = len(text) if end < 0 else end
                self._write(text[position:end])
                position = end
            elif match := TOKEN.match(text, position):
                self._obey(match)
                position = match.end()
            elif len(text) - position > 4096:
                position += 1
            else:
                self._rest = text[position:]
                return

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\r":
                self.x = 0
            elif character == "\n":
                self._down()
            elif character == "\b":
                self.x = max(0, self.x - 1)
            elif character == "\t":
                self.x = min(self.columns - 1, self.x // 8 * 8 + 8)
            elif character >= " ":
                self._put(character)

    def _put(self, character: str) -> None:
        if self.x >= self.columns:
            self.x = 0
            self._down()
        self._cells[self.y][self.x] = self._last = character
        self.x += 1

    def _down(self) -> None:
        if self.y + 1 < self.rows:
            self.y += 1
        else:
            self._cells = [*self._cells[1:], [" "] * self.columns]

    def _obey(self, match: re.Match[str]) -> None:
        final, private = match["final"], match["private"]
        if match["short"] is not None:
            self._short(match["short"])
        elif private == "?" and final in "hl" and match["numbers"] in ALTERNATE:
            self._clear()
        elif final and not private:
            numbers = [int(n) if n.isdigit() else 0 for n in match["numbers"].split(";")]
            self._control(final, numbers)

    def _short(self, command: str) -> None:
        if command == "7":
            self._saved = (self.x, self.y)
        elif command == "8":
            self.x, self.y = self._saved
        elif command == "c":
            self._clear()

    def _control(self, final: str, numbers: list[int]) -> None:
        count = max(1, numbers[0])
        if final in "Hf":
            self._go(max(1, numbers[1]) - 1 if len(numbers) > 1 else 0, count - 1)
        elif final in "ABCD":
            across, down = {"A": (0, -1), "B": (0, 1), "C": (1, 0), "D": (-1, 0)}[final]
            self._go(self.x + across * count, self.y + down * count)
        elif final in "G`":
            self._go(count - 1, self.y)
        elif final == "d":
            self._go(self.x, count - 1)
        elif final in "JKX":
            self._erase(final, numbers[0])
        elif final == "b":
            self._write(self._last * min(count, 1000))

    def _go(self, x: int, y: int) -> None:
        self.x = min(max(x, 0), self.columns - 1)
        self.y = min(max(y, 0), self.rows - 1)

    def _erase(self, final: str, number: int) -> None:
        x, row = min(self.x, self.columns), self._cells[min(self.y, self.rows - 1)]
        if final == "J" and number in (2, 3):
            self._clear()
        elif final == "X":
            end = min(x + max(1, number), self.columns)
            row[x:end] = [" "] * (end - x)
        else:
            start, end = (x, self.columns) if number == 0 else (0, min(x + 1, self.columns))
            if number == 2:
                start, end = 0, self.columns
            row[start:end] = [" "] * (end - start)
            if final == "J" and number == 0:
                for y in range(self.y + 1, self.rows):
                    self._cells[y] = [" "] * self.columns
