// OpenSeadragon with one canvas over it on which all outlines are drawn: as overlays, some hundred
// of them make it slow.

let loading = null;

/** The library is large and only needed here. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/page/vendor/openseadragon/openseadragon.min.js";
    script.onload = () => resolve(window.OpenSeadragon);
    script.onerror = () => {
      loading = null;
      reject(new Error("the viewer did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

/** The viewer writes a style sheet into the page, which the page's policy forbids, unless it finds
 *  one; this one is of no namespace that styles anything. The rule is in styles/screens.css. */
function quietStyle() {
  if (document.querySelector("style[data-openseadragon-mobile-css]")) return;
  const style = document.createElementNS("urn:marrowscope:none", "style");
  style.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(style);
}

/** Show a picture in an element.
 *
 * image: {url, format, tile, overlap, width, height}. The result draws outlines (`draw`), moves
 * (`show`, `follow`, `home`) and is closed (`close`); its onClick, onMove (px of the picture) and
 * onScale (px of the screen per px of the picture) are to be set.
 */
export async function openPicture(element, image) {
  const OpenSeadragon = await library();
  quietStyle();
  const viewer = new OpenSeadragon.Viewer({
    element,
    drawer: "canvas",
    showNavigationControl: false,
    animationTime: 0.25,
    maxZoomPixelRatio: 6,
    visibilityRatio: 0.5,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { clickToZoom: false },
    keyboardNavEnabled: false,
    tileSources: {
      Image: {
        xmlns: "http://schemas.microsoft.com/deepzoom/2008",
        Url: image.url,
        Format: image.format ?? "jpg",
        Overlap: String(image.overlap),
        TileSize: String(image.tile),
        Size: { Width: String(image.width), Height: String(image.height) },
      },
    },
  });
  viewer.canvas.tabIndex = -1; // the page has the keys
  const canvas = document.createElement("canvas");
  canvas.className = "outlines";
  viewer.canvas.append(canvas);
  const made = {
    content: { boxes: [], plan: [], zones: [], place: null },
    onClick: () => {},
    onMove: () => {},
    onScale: () => {},
    draw(content) {
      made.content = content;
      paint();
    },
    home() {
      viewer.viewport.goHome();
    },
    show(box) {
      go(box, 6);
    },
    /** Move only if the place is not in sight. */
    follow(box) {
      const place = middle(box);
      if (!viewer.viewport.getBounds().containsPoint(place)) viewer.viewport.panTo(place);
    },
    close() {
      viewer.destroy();
      canvas.remove();
    },
  };
  const item = () => viewer.world.getItemAt(0);
  const middle = ([x0, y0, x1, y1]) =>
    viewer.viewport.imageToViewportCoordinates((x0 + x1) / 2, (y0 + y1) / 2);
  const go = (box, times) => {
    if (!box || !item()) return;
    const [x0, y0, x1, y1] = box;
    const grow = ((times - 1) * (x1 - x0)) / 2;
    viewer.viewport.fitBounds(
      viewer.viewport.imageToViewportRectangle(x0 - grow, y0 - grow, x1 - x0 + 2 * grow, y1 - y0 + 2 * grow),
    );
  };
  const paint = () => {
    if (!item()) return;
    const zoom = viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true));
    const origin = viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    paintOutlines(canvas, element, made.content, { zoom, origin });
    made.onScale(zoom);
  };
  viewer.addHandler("update-viewport", paint);
  viewer.addHandler("canvas-click", (event) => {
    if (!event.quick) return;
    const at = viewer.viewport.viewerElementToImageCoordinates(event.position);
    made.onClick({ x: at.x, y: at.y });
  });
  const move = (event) => {
    if (event.buttons || !item()) return;
    const box = element.getBoundingClientRect();
    const at = viewer.viewport.viewerElementToImageCoordinates(
      new OpenSeadragon.Point(event.clientX - box.left, event.clientY - box.top),
    );
    made.onMove({ x: at.x, y: at.y });
  };
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerleave", () => made.onMove(null));
  await new Promise((resolve, reject) => {
    viewer.addOnceHandler("open", resolve);
    viewer.addOnceHandler("open-failed", (event) => reject(new Error(event.message)));
  });
  paint();
  return made;
}

/** Zones, plan and cells; dotted is a suggestion, solid a decision, with a corner where it differs. */
function paintOutlines(canvas, element, { boxes, plan, zones, place }, { zoom, origin }) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [element.clientWidth, element.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const at = (x, y) => [origin.x + x * zoom, origin.y + y * zoom];
  for (const zone of zones) {
    pen.fillStyle = zone.judgeable ? "rgba(0, 158, 115, 0.25)" : "rgba(213, 94, 0, 0.25)";
    pen.fillRect(...at(zone.x, zone.y), zone.width * zoom, zone.height * zoom);
  }
  pen.font = "12px sans-serif";
  for (const [x, y, w, h, order] of plan) {
    pen.strokeStyle = "#222222";
    pen.lineWidth = 1;
    pen.strokeRect(...at(x, y), w * zoom, h * zoom);
    pen.fillStyle = "#222222";
    pen.fillText(String(order), at(x, y)[0] + 2, at(x, y)[1] + 12);
  }
  const named = zoom > 0.35;
  for (const one of boxes) {
    const [x0, y0] = at(one.box[0], one.box[1]);
    const [x1, y1] = at(one.box[2], one.box[3]);
    if (x1 < 0 || y1 < 0 || x0 > width || y0 > height) continue;
    outline(pen, one, [x0, y0, x1, y1], named);
  }
  if (place) {
    const [x0, y0] = at(place.box[0], place.box[1]);
    const [x1, y1] = at(place.box[2], place.box[3]);
    pen.setLineDash([6, 3]);
    pen.strokeStyle = "#000000";
    pen.lineWidth = 3;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    pen.setLineDash([]);
  }
}

function outline(pen, one, [x0, y0, x1, y1], named) {
  pen.globalAlpha = one.removed ? 0.35 : 1;
  pen.setLineDash(one.decided ? [] : [2, 3]);
  pen.lineWidth = one.hovered ? 3.5 : 2;
  pen.strokeStyle = one.removed ? "#555555" : one.colour;
  pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  pen.setLineDash([]);
  if (one.chosen) {
    for (const [colour, width] of [["#ffffff", 6], ["#111111", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.strokeRect(x0 - 5, y0 - 5, x1 - x0 + 10, y1 - y0 + 10);
    }
  }
  if (one.changed || one.removed) {
    pen.fillStyle = "#000000";
    pen.beginPath();
    pen.moveTo(x1 - 12, y0);
    pen.lineTo(x1, y0);
    pen.lineTo(x1, y0 + 12);
    pen.fill();
  }
  if (named || one.chosen || one.hovered) {
    const text = one.removed ? "no cell" : (one.code ?? "–");
    pen.fillStyle = "rgba(255, 255, 255, 0.85)";
    pen.fillRect(x0, y0 - 20, pen.measureText(text).width + 6, 15);
    pen.fillStyle = "#111111";
    pen.fillText(text, x0 + 3, y0 - 8);
  }
  pen.globalAlpha = 1;
}
