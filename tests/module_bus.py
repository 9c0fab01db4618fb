"""A machine that answers module questions from an image, and counts them."""

from __future__ import annotations

import errno

from mlxtop.system.door import Answer, Question


class Bus:
    """A system with one module and nothing else."""

    demo = captured = False
    root = True
    label = "bus"

    def __init__(self, image: bytes, error: int | None = None) -> None:
        self.image = image
        self.error = error
        self.asked: list[tuple[int, ...]] = []
        self.clock = 100.0
        self.delay = 0.0

    def now(self) -> float:
        return self.clock

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        if question is not Question.MODULE_PAGE:
            raise OSError(errno.EOPNOTSUPP, "no")
        self.asked.append(details)
        self.clock += self.delay
        if self.error is not None:
            raise OSError(self.error, "injected")
        page, _bank, address, offset, length = details
        at = offset + 128 * page
        if self.image[0] == 0x03:
            at = offset + (256 if address == 0x51 else 0)
        elif self.image[0] == 0x18 and page == 0x11:
            at = 128 * 4 + offset
        return bytes(self.image[at : at + length]).hex()
