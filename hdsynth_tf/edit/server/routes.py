"""HTTP routes of the editor's page."""

import asyncio
import contextlib

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.history import History, changed_box
from hdsynth_tf.edit.scenes.packing import pack_mask
from hdsynth_tf.edit.scenes.record import apply, make_record
from hdsynth_tf.edit.scenes.shapes import Shape
from hdsynth_tf.edit.scenes.survey import load_scene
from hdsynth_tf.edit.server import files, packets
from hdsynth_tf.edit.server.painter import encode
from hdsynth_tf.edit.server.sessions import Session, Sessions
from hdsynth_tf.edit.server.wording import object_names
from hdsynth_tf.edit.server.worker import EXTRA, FULL, PREVIEW, Superseded
from hdsynth_tf.show.pictures import color_labels
from hdsynth_tf.web.errors import Refused
from hdsynth_tf.web.long_work import LongWork
from hdsynth_tf.web.server import immutable, make_app, page_routes, read_json

MAX_BODY = 32 * 10**6  # bytes: two maps of 16 million pixels, compressed
SCENE_WIDTH = 192  # pixels of a scene's picture in the list


class Editor:
    """Answers the page's requests.

    Args:
        source: `pipelines.source.Source`, the scenes that can be opened.
        classes: `ClassTable`.
        cut_outs: List of `CutOut`, the library.
        painter: `Painter`.
        worker: `Worker`.
        model: Dict: `name`, and `fingerprint` of its file.
    """

    def __init__(self, source, classes, cut_outs, painter, worker, model):
        self.source, self.classes, self.cut_outs = source, classes, cut_outs
        self.painter, self.worker, self.model = painter, worker, model
        self.sessions, self.long_work = Sessions(), LongWork()

    def app(self, host="127.0.0.1"):
        """The ASGI application."""
        session = "/api/sessions/{session}"
        routes = [
            *page_routes("edit"),
            Route("/api/editor", self.describe),
            Route("/api/scenes/{index:int}.png", self.show_scene),
            Route("/api/library/{index:int}.png", self.show_cut_out),
            Route("/api/sessions", self.open, methods=["POST"]),
            Route("/api/sessions", self.open_maps, methods=["PUT"]),
            Route(session, self.resume),
            Route(f"{session}/edits", self.edit, methods=["POST"]),
            Route(f"{session}/photos/{{digest}}/{{kind}}.jpg", self.photo),
            Route(f"{session}/styles/{{digest}}/{{object:int}}/{{style:int}}.jpg", self.style),
            Route(f"{session}/files/{{name}}", self.file),
        ]

        @contextlib.asynccontextmanager
        async def lifespan(app):
            yield
            await run_in_threadpool(self.worker.close)

        return make_app(routes, host, MAX_BODY, lifespan)

    # === What there is ===

    async def describe(self, request):
        """Model, classes, scenes and library: everything that stays the same."""
        classes = self.classes
        return JSONResponse(
            {
                "model": self.model,
                "has_styles": any(classes.style_counts),
                "classes": [
                    {
                        "name": name,
                        "color": list(color),
                        "counted": label in classes.things,
                        "styles": classes.num_styles(label),
                        "horizon": classes.sizes[label].horizon if label in classes.sizes else None,
                    }
                    for label, (name, color) in enumerate(zip(classes.names, classes.colors))
                ],
                "scenes": list(self.source.names),
                "library": [
                    {"label": cut.label, "height": cut.mask.shape[0] / cut.height, "foot": cut.foot,
                     "aspect": cut.mask.shape[1] / cut.mask.shape[0]}
                    for cut in self.cut_outs
                ],
                "max_megabytes": MAX_BODY / 10**6,
            }
        )  # fmt: skip

    async def show_scene(self, request):
        """A small coloured label map."""
        index = _index(request, "index", len(self.source.names), "scene")

        def draw():
            scene = load_scene(self.source, index)
            step = max(scene.size[1] // SCENE_WIDTH, 1)
            return color_labels(scene.label_map[::step, ::step], self.classes.colors, None)

        return Response(files.image_file(await run_in_threadpool(draw)), media_type="image/png")

    async def show_cut_out(self, request):
        """The shape of an object of the library, in its class's colour on nothing."""
        cut = self.cut_outs[_index(request, "index", len(self.cut_outs), "object")]
        return Response(files.shape_file(cut.mask, self.classes.colors[cut.label]), media_type="image/png")

    # === Sessions ===

    async def open(self, request):
        """A new session: of a scene by its place in the list, or of a record."""
        asked = await read_json(request)
        if "record" in asked:
            session = await self.long_work.run(request, Session.of_record, asked["record"], self.classes)
            if asked["record"].get("model") != self.model["fingerprint"]:
                session.said += "; it was made with another model, so the photograph is another, too"
            return await self._packet(self.sessions.add(session))
        index = asked.get("scene")
        if type(index) is not int or not 0 <= index < len(self.source.names):
            raise Refused(404, "There is no such scene.")
        scene = await run_in_threadpool(load_scene, self.source, index)
        return await self._packet(self._add(scene, self.source.names[index]))

    async def open_maps(self, request):
        """A new session of maps that were sent."""
        head, data = packets.parse(await request.body())
        scene = await run_in_threadpool(files.read_maps, head, data)
        name = next(part["name"] for part in head["files"] if part["role"] == "label_map")
        return await self._packet(self._add(scene, name))

    def _add(self, scene, name):
        return self.sessions.add(Session(History(self.classes.checked(scene)), name))

    async def resume(self, request):
        """All of a session."""
        return await self._packet(self._session(request))

    async def edit(self, request):
        """An edit, or `undo`, `redo`, `go_to`; answers what changed of the scene that the page says it has."""
        session, asked = self._session(request), await read_json(request)
        return await run_in_threadpool(self._edit, session, asked.get("edit"), asked.get("from"))

    def _edit(self, session, command, known):
        with session.lock:
            before = session.scene
            position = session.history.position
            name = command.get("do") if isinstance(command, dict) else None
            if name in ("undo", "redo"):
                session.go_to(position + (1 if name == "redo" else -1))
            elif name == "go_to":
                if type(command.get("position")) is not int:
                    raise EditError("The position should be a whole number.")
                session.go_to(command["position"])
            else:
                session.edit(self._completed(command, session.scene), self.classes)
            if session.scene.digest != before.digest:
                self.worker.withdraw(session.name)
            return self._answer(session, before if known == before.digest else None)

    def _completed(self, command, scene):
        """A command with what the record shall hold and the page does not know."""
        if not isinstance(command, dict):
            return command
        if command.get("do") == "paste" and "cutout" in command:
            given = {key: value for key, value in command.items() if key != "cutout"}
            return {**given, **self._cut_out(command["cutout"], scene)}
        number = command.get("object")
        if command.get("do") == "duplicate" and "style" not in command and type(number) is int:
            styles = self.painter.styles_of(scene)
            if 0 <= number < len(styles) and scene.objects[number].is_counted:
                return {**command, "style": styles[number]}
        return command

    def _cut_out(self, index, scene):
        """An object of the library, as large as it would be in a picture of the scene's size."""
        if type(index) is not int or not 0 <= index < len(self.cut_outs):
            raise EditError("The library has no such object.")
        cut = self.cut_outs[index]
        shape = Shape(cut.mask, (0, 0)).scaled(scene.size[0] / cut.height)
        foot = [int(cut.foot[0] * scene.size[1]), int(cut.foot[1] * scene.size[0])]
        return {"label": cut.label, "mask": pack_mask(shape.mask), "foot": foot}

    async def _packet(self, session):
        def answer():
            with session.lock:
                return self._answer(session, None)

        return await run_in_threadpool(answer)

    def _answer(self, session, before):
        """The state of a session, and the part of its map in which it differs from `before`; all of it if `None`."""
        scene, history = session.scene, session.history
        (top, bottom), (left, right) = ((0, length) for length in scene.size)
        if before is not None:
            (top, bottom), (left, right) = changed_box(before, scene)
        styles, names = self.painter.styles_of(scene), object_names(scene, self.classes)
        head = {
            "session": session.name,
            "scene": session.scene_name,
            "size": list(scene.size),
            "digest": scene.digest,
            "has_preview": self.painter.preview_size(scene.size) is not None,
            "seed": scene.seed,
            "said": session.said,
            "position": history.position,
            "steps": [{"title": title, "digest": digest} for title, digest in zip(session.titles, history.digests[1:])],
            "opened": history.digests[0],
            "objects": [
                [thing.label, thing.instance, style, thing.style is not None, name, thing.is_counted]
                for thing, style, name in zip(scene.objects, styles, names)
            ],
            "part": [left, top, right - left, bottom - top],
        }
        return packets.respond(head, scene.object_map[top:bottom, left:right])

    def _session(self, request):
        return self.sessions.find(request.path_params["session"])

    # === Pictures ===

    async def photo(self, request):
        """The photograph of a scene of the session, `preview` or `full`; held until it is made."""
        kind = request.path_params["kind"]
        if kind not in ("preview", "full"):
            raise Refused(404, "A photograph is a preview or full.")
        session = self._session(request)
        scene = await run_in_threadpool(session.scene_of, request.path_params["digest"])
        make = self.painter.preview if kind == "preview" else self.painter.picture
        urgency, slot = (PREVIEW if kind == "preview" else FULL), None
        if scene is not session.scene:
            urgency, slot = EXTRA, "earlier"
        return await self._made(
            session.name, urgency, (scene.digest, kind), lambda: encode(self.painter.show(make(scene))), slot
        )

    async def style(self, request):
        """One object in one style, small."""
        session, number, style = self._session(request), *(request.path_params[key] for key in ("object", "style"))
        scene = session.scene
        if scene.digest != request.path_params["digest"]:
            raise Refused(409, "The scene has changed since.")
        command = {"do": "restyle", "object": number, "style": style}
        other = await run_in_threadpool(apply, scene, command, self.classes)
        key = other.digest, number, "thumbnail"
        return await self._made(session.name, EXTRA, key, lambda: encode(self.painter.thumbnail(other, number)), style)

    async def _made(self, owner, kind, key, make, slot):
        return immutable(await self._bytes(owner, kind, key, make, slot), "image/jpeg")

    async def _bytes(self, owner, kind, key, make, slot):
        """Waits for what the worker makes; see `Worker.ask`."""
        try:
            return await asyncio.shield(asyncio.wrap_future(self.worker.ask(owner, kind, key, make, slot)))
        except Superseded:
            raise Refused(409, "A newer picture was asked for.") from None

    # === Files ===

    async def file(self, request):
        """A file to keep: the photograph at full size, the maps, the record, or all of them."""
        session, name = self._session(request), request.path_params["name"]
        history = session.history
        digest = history.scene.digest
        if name == "record.json":
            content = await run_in_threadpool(self._record, session, history)
            return _download(content, name, "application/json")
        if name in ("labels", "instances"):
            ids = history.scene.label_map if name == "labels" else history.scene.instance_map
            suffix, content = await run_in_threadpool(files.map_file, ids)
            return _download(content, name + suffix, "image/png" if suffix == ".png" else "image/tiff")
        if name not in ("photo", "all.zip"):
            raise Refused(404, "There is no such file.")
        owner = session.name, "files"  # which later edits do not withdraw: this file was asked for, not the newest
        photo = await self._bytes(
            owner, FULL, (digest, "file"), lambda: files.image_file(self.painter.picture(history.scene)), digest
        )
        if name == "photo":
            return _download(photo, f"photo{self.painter.suffix}", "application/octet-stream")
        return _download(await run_in_threadpool(self._all, session, history, photo), "scene.zip", "application/zip")

    def _record(self, session, history):
        return files.record_text(
            make_record(history.go_to(0).scene, history, self.model["fingerprint"], session.scene_name)
        )

    def _all(self, session, history, photo):
        maps = {"labels": history.scene.label_map, "instances": history.scene.instance_map}
        found = {name: files.map_file(ids) for name, ids in maps.items()}
        return files.zipped(
            {
                f"photo{self.painter.suffix}": photo,
                **{name + suffix: content for name, (suffix, content) in found.items()},
                "record.json": self._record(session, history),
            }
        )


def _index(request, name, count, what):
    index = request.path_params[name]
    if index >= count:
        raise Refused(404, f"There is no such {what}.")
    return index


def _download(content, name, kind):
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
