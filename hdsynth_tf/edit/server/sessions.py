"""Who edits what: a history for each open page, found by a name that cannot be guessed."""

import collections
import secrets
import threading
import time

from hdsynth_tf.edit.scenes import record
from hdsynth_tf.edit.server.wording import filling, title
from hdsynth_tf.web.errors import Refused

MOST_SESSIONS = 64
MOST_BYTES = 512 * 2**20  # of all sessions' maps
IDLE_S = 4 * 3600  # seconds after which a session that nobody used ends


class Session:
    """One person's scene.

    Attributes:
        name: String, 128 random bits.
        scene_name: String, what the scene is called.
        history: `History`.
        titles: List of strings, one for each of its steps.
        said: String, what the last edit did.
    """

    def __init__(self, history, scene_name, titles=()):
        self.name = secrets.token_urlsafe(16)
        self.scene_name = scene_name
        self.history = history
        self.titles = list(titles)
        self.said = f"{scene_name} opened"
        self.lock = threading.Lock()

    @classmethod
    def of_record(cls, kept, classes, go_on=lambda: None):
        """The session that a record tells of. Raises `EditError` if it cannot be replayed; `go_on`: see `replay`."""
        history = record.replay(kept, classes, go_on)
        titles, before = [], history.go_to(0)
        for command in history.commands:
            go_on()
            titles.append(title(command, before.scene, classes))
            before = before.redo()
        scene_name = kept.get("scene")
        return cls(history, scene_name if isinstance(scene_name, str) else "a record", titles)

    @property
    def scene(self):
        return self.history.scene

    @property
    def num_bytes(self):
        """Integer: what its map and the parts that its steps keep take."""
        history = self.history
        return history.scene.object_map.nbytes + sum(len(part) for step in history.steps for part in step.pixels)

    def edit(self, command, classes):
        """Carries out an edit. Raises `EditError` if that cannot be done; all is then as it was."""
        before, after = self.scene, record.apply(self.scene, command, classes)
        done = title(command, before, classes)
        self.titles = [*self.titles[: self.history.position], done]
        self.history = self.history.do(command, after)
        self.said = done + filling(command, before, after, classes)

    def go_to(self, position):
        """Undoes or redoes, up to a step."""
        before = self.history.position
        self.history = self.history.go_to(position)
        done = range(self.history.position, before) or range(before, self.history.position)
        word = "undone" if self.history.position < before else "done again"
        if len(done) == 1:
            self.said = f"{self.titles[done[0]]}: {word}"
        else:
            self.said = f"{len(done)} edits {word}" if done else "nothing to undo or redo"

    def scene_of(self, digest):
        """The scene of this history with a digest. Raises `Refused` if there is none."""
        history = self.history
        if digest == history.scene.digest:
            return history.scene
        if digest not in history.digests:
            raise Refused(409, "The scene has changed since.")
        return history.go_to(history.digests.index(digest)).scene


class Sessions:
    """All of them. When there are too many, or they are too large, the one that was not used longest ends."""

    def __init__(self, most=MOST_SESSIONS, idle_s=IDLE_S, most_bytes=MOST_BYTES):
        self.most, self.idle_s, self.most_bytes = most, idle_s, most_bytes
        self.used = collections.OrderedDict()  # name -> (session, when it was last used)
        self.lock = threading.Lock()

    def __len__(self):
        return len(self.used)

    def add(self, session):
        with self.lock:
            self.used[session.name] = session, time.monotonic()
            while len(self.used) > 1 and self._are_too_many():
                self.used.popitem(last=False)
        return session

    def find(self, name):
        """The session of that name. Raises `Refused` if it has ended, or never was."""
        with self.lock:
            if name not in self.used:
                raise Refused(404, "This session has ended. Reload the page to go on with what it kept.")
            session, _ = self.used[name]
            self.used[name] = session, time.monotonic()
            self.used.move_to_end(name)
        return session

    def _are_too_many(self):
        oldest_age = time.monotonic() - next(iter(self.used.values()))[1]
        num_bytes = sum(session.num_bytes for session, _ in self.used.values())
        return len(self.used) > self.most or oldest_age > self.idle_s or num_bytes > self.most_bytes
