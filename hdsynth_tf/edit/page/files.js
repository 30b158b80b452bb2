// Files out, and one's own maps or a record in.

import { byId } from "./elements.js";

export class Files {
  constructor(scene, session, view, maxMegabytes) {
    Object.assign(this, { scene, session, view, maxMegabytes });
    for (const link of document.querySelectorAll("[data-file]")) {
      link.addEventListener("click", () => { link.href = `${session.path}/files/${link.dataset.file}`; this.close(); });
      link.href = "#";
      link.setAttribute("download", "");
    }
    byId("choose-files").addEventListener("click", () => byId("file-input").click());
    byId("file-input").addEventListener("change", (event) => { this.open([...event.target.files]); event.target.value = ""; });
    document.addEventListener("pointerdown", (event) => { if (!byId("files").contains(event.target)) this.close(); });
    byId("files").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !byId("files").open) return;
      event.stopPropagation();
      this.close();
      byId("files").firstElementChild.focus();
    });
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => this.drag(event));
    }
  }

  close() { byId("files").open = false; }

  drag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // else the browser leaves the page to show the file
    byId("drop-hint").hidden = event.type !== "dragover";
    if (event.type === "drop") this.open([...event.dataTransfer.files]);
  }

  async open(files) {
    this.close();
    if (!files.length) return;
    try {
      const size = files.reduce((sum, file) => sum + file.size, 0);
      if (size > this.maxMegabytes * 1e6) throw new Error(`That is too large: at most ${this.maxMegabytes} MB can be sent.`);
      if (files.length === 1 && files[0].name.endsWith(".json")) return await this.session.openRecord(this.parse(await files[0].text()));
      await this.session.openMaps(this.roles(files));
    } catch (error) {
      this.session.tell("failed", { message: error.message });
    }
  }

  parse(text) {
    try { return JSON.parse(text); } catch { throw new Error("That is no record of an editing session."); }
  }

  /** Which of one or two files is the label map: the other one says instance in its name. */
  roles(files) {
    if (files.length > 2) throw new Error("Drop a label map, and its instance map if there is one: two files at most.");
    const isInstance = (file) => /inst/i.test(file.name);
    if (files.length === 2 && isInstance(files[0]) === isInstance(files[1])) {
      throw new Error("Which is the instance map? Its name should have “inst” in it, as in 0001_inst.png.");
    }
    return files.map((file) => ({ file, role: files.length === 2 && isInstance(file) ? "instance_map" : "label_map" }));
  }
}
