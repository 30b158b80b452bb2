"""One thread that makes pictures for many people: the newest request of each wins, small pictures go first."""

import collections
import concurrent.futures
import threading

PREVIEW, FULL, EXTRA = range(3)  # what is urgent, what comes after it, what can wait


class Superseded(Exception):
    """A picture is not made: a newer one was asked for."""


class Worker:
    """Makes things, one after the other, and keeps what it made.

    Each owner has one slot for each kind of thing; a new request takes the place of the one that waits there. What is
    of the lowest kind is made first, in the order in which slots were taken, so that everybody has a turn.

    Args:
        keep_bytes: Integer, of what was made, at most; what was not asked for longest is forgotten.
    """

    def __init__(self, keep_bytes=128 * 2**20):
        self.keep_bytes, self.kept_bytes = keep_bytes, 0
        self.kept = collections.OrderedDict()  # key -> bytes
        self.waiting = {}  # (kind, owner, slot) -> (key, make, future)
        self.changed = threading.Condition()
        self.closed = False
        self.thread = threading.Thread(target=self._work, name="pictures", daemon=True)
        self.thread.start()

    def ask(self, owner, kind, key, make, slot=None):
        """The future of `make()`, or of what it once returned.

        Args:
            owner: Hashable, who asks.
            kind: `PREVIEW`, `FULL` or `EXTRA`.
            key: Hashable that two things share only if they are the same.
            make: Function without arguments that returns bytes.
            slot: Hashable: what of this kind may wait beside each other.

        Returns:
            `concurrent.futures.Future` of bytes; its exception is `Superseded` if a newer request took the slot.
        """
        future = concurrent.futures.Future()
        with self.changed:
            if self.closed:
                raise Superseded
            if key in self.kept:
                self.kept.move_to_end(key)
                future.set_result(self.kept[key])
                return future
            place = kind, owner, slot
            before = self.waiting.get(place)
            if before is not None and before[0] == key:
                return before[2]
            self.waiting[place] = key, make, future
            self.changed.notify()
        if before is not None:
            before[2].set_exception(Superseded())
        return future

    def withdraw(self, owner):
        """Forgets all that waits for an owner; its futures are `Superseded`."""
        with self.changed:
            places = [place for place in self.waiting if place[1] == owner]
            futures = [self.waiting.pop(place)[2] for place in places]
        for future in futures:
            future.set_exception(Superseded())

    def close(self):
        """Lets the thread end after what it is at."""
        with self.changed:
            self.closed = True
            futures = [future for _, _, future in self.waiting.values()]
            self.waiting.clear()
            self.changed.notify()
        for future in futures:
            future.set_exception(Superseded())
        self.thread.join()

    def _work(self):
        while True:
            with self.changed:
                while not (self.waiting or self.closed):
                    self.changed.wait()
                if self.closed:
                    return
                key, make, future = self.waiting.pop(min(self.waiting, key=lambda place: place[0]))
                made = self.kept.get(key)
            try:
                made = make() if made is None else made
            except Exception as error:  # told to who asked; the thread goes on
                future.set_exception(error)
                continue
            self._keep(key, made)
            future.set_result(made)

    def _keep(self, key, made):
        with self.changed:
            if key not in self.kept:
                self.kept_bytes += len(made)
            self.kept[key] = made
            while self.kept_bytes > self.keep_bytes and len(self.kept) > 1:
                self.kept_bytes -= len(self.kept.popitem(last=False)[1])
