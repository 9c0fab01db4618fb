"""Probes of one way: to whom they go, when, and which answers belong to them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mlxtop.path.decide import Stream
from mlxtop.system.door import Echo, Pinger
from mlxtop.system.icmp import NONCE_BYTES

_FORBIDDEN = (errno.EPERM, errno.EACCES)
"""A firewall or a unit of systemd lets us send nothing: by itself no word about the way."""


@dataclass(slots=True)
class Target:
    """A stream of probes: to an address, by a device, perhaps by a routing table of its own."""

    address: str
    named: str
    """The device, by its name in the settings."""
    mark: int = 0
    stream: Stream = field(default_factory=Stream)
    due: float = 0.0
    error: str | None = None
    """Why the kernel did not send the newest one."""


class Prober:
    """Sends what is due and hands each answer to the stream that it belongs to."""

    def __init__(self, pinger: Pinger, targets: Iterable[Target], interval_s: float) -> None:
        self._pinger = pinger
        self._targets = list(targets)
        self._interval_s = interval_s
        self._by_nonce: dict[bytes, Target] = {}
        self.forged = 0
        """Answers that no probe of ours asked for, or that came from somebody else."""
        self.elsewhere: dict[str, str] = {}
        """Address that was probed, and who answered for it."""

    def begin(self, now: float) -> None:
        """Spread the probes over the interval, so that they do not leave all at once."""
        for place, target in enumerate(self._targets):
            target.stream.interval_s = self._interval_s
            target.due = now + place * self._interval_s / len(self._targets)

    def follow(self, targets: Iterable[Target], now: float) -> None:
        """Send to these from now on: new ones at once, and no more to those that are left out."""
        before = {id(target) for target in self._targets}
        self._targets = list(targets)
        for target in self._targets:
            if id(target) not in before:
                target.stream.interval_s, target.due = self._interval_s, now
        kept = {id(target) for target in self._targets}
        self._by_nonce = {n: one for n, one in self._by_nonce.items() if id(one) in kept}

    def next_due(self) -> float:
        """Return when the next probe is to leave."""
        return min((target.due for target in self._targets), default=float("inf"))

    def waits_for_answers(self) -> bool:
        """Return whether a probe is out."""
        return any(target.stream.out for target in self._targets)

    def send(self, clock: Callable[[], float], names: dict[str, str | None]) -> None:
        """Send what is due; `names` has the present names of devices, None for one that is gone.

        A probe that was due long ago is not made up for.
        """
        for target in self._targets:
            now = clock()
            if now < target.due:
                continue
            late = now - target.due > self._interval_s
            target.due = now + self._interval_s if late else target.due + self._interval_s
            device = names.get(target.named)
            if device is not None:
                self._send_one(target, device, now)

    def _send_one(self, target: Target, device: str, now: float) -> None:
        nonce = os.urandom(NONCE_BYTES)
        try:
            self._pinger.send(target.address, device, nonce, target.mark)
        except OSError as error:
            target.error = error.strerror or str(error)
            if error.errno not in _FORBIDDEN or target.stream.answered_at is not None:
                target.stream.failed(now)
            return
        target.error = None
        target.stream.sent(nonce, now)
        self._by_nonce[nonce] = target

    def take(self, answers: Iterable[Echo]) -> None:
        """Hand out answers; those with a nonce that is not out, or from elsewhere, are counted."""
        for echo in answers:
            target = self._by_nonce.get(echo.nonce)
            if target is None:
                self.forged += 1
            elif echo.source != target.address:
                self.forged += 1
                self.elsewhere[target.address] = echo.source
            else:
                target.stream.answered(echo.nonce, echo.tick, echo.device)
                del self._by_nonce[echo.nonce]

    def tidy(self) -> None:
        """Forget the nonces of probes that are lost."""
        self._by_nonce = {
            nonce: target for nonce, target in self._by_nonce.items() if nonce in target.stream.out
        }
