// The photograph follows the scene: preview, then full. What was asked for before a newer edit is dropped.

import { getBlob } from "/shared/net.js";

export class Photos extends EventTarget {
  constructor(scene, view) {
    super();
    Object.assign(this, { scene, view });
    this.image = document.getElementById("photo");
    this.shown = null; // {digest, kind} of what is seen
    this.running = null; // AbortController
    scene.addEventListener("changed", (event) => this.follow(event.detail.isOther));
  }

  path(digest, kind) {
    return `/api/sessions/${this.scene.head.session}/photos/${digest}/${kind}.jpg`;
  }

  async follow(isOther) {
    const { digest, has_preview: hasPreview } = this.scene.head;
    if (this.wanted === digest) return;
    this.wanted = digest;
    if (isOther) this.clear();
    this.running?.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    this.tell("waiting");
    try {
      for (const kind of hasPreview ? ["preview", "full"] : ["full"]) {
        const blob = await getBlob(this.path(digest, kind), signal);
        if (this.scene.head.digest !== digest) return;
        await this.show(URL.createObjectURL(blob), digest, kind);
      }
    } catch (error) {
      if (error.name === "AbortError" || error.status === 409) return; // a newer one is under way
      this.wanted = null;
      this.tell("failed", { message: error.message });
    }
  }

  /** Takes away the photograph of another scene: the map is seen until there is one. */
  clear() {
    URL.revokeObjectURL(this.image.src);
    this.image.removeAttribute("src");
    this.view.show(this.view.kind);
  }

  async show(url, digest, kind) {
    const decoded = new Image();
    decoded.src = url;
    await decoded.decode();
    if (this.scene.head.digest !== digest) { URL.revokeObjectURL(url); return; }
    const before = this.image.src;
    this.image.src = url;
    await this.image.decode().catch(() => {});
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
    if (this.scene.head.digest !== digest) return;
    this.shown = { digest, kind };
    this.view.draw([0, 0, 0, 0]);
    this.tell("shown", this.shown);
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}
