/** Mouse, fingers and keys on the canvas: one turns the head, two move it and come closer. */
import type { Stage } from "./stage";

const RADIANS_PER_SIDE = 3; // of the canvas' shorter side
const ZOOM_PER_PIXEL = 0.0015; // of a wheel
const KEY_RADIANS = 0.1;
const KEYS: Record<string, [yaw: number, pitch: number]> = {
  ArrowLeft: [-KEY_RADIANS, 0],
  ArrowRight: [KEY_RADIANS, 0],
  ArrowUp: [0, -KEY_RADIANS],
  ArrowDown: [0, KEY_RADIANS],
};

interface Place {
  x: number;
  y: number;
}

export function followFingers(canvas: HTMLCanvasElement, stage: Stage): void {
  const fingers = new Map<number, Place>();
  const middle = () => {
    const all = [...fingers.values()];
    return { x: mean(all.map(({ x }) => x)), y: mean(all.map(({ y }) => y)) };
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.tabIndex = 0;
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  canvas.onpointermove = (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [before, apart] = [middle(), fingers.size === 2 ? spread() : 1];
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    const side = Math.min(canvas.clientWidth, canvas.clientHeight);
    const [right, down] = [(after.x - before.x) / side, (after.y - before.y) / side];
    const { yaw, pitch, zoom, ...place } = stage.view;
    if (fingers.size === 1 && !event.shiftKey) {
      stage
        .turn({ yaw: yaw + RADIANS_PER_SIDE * right, pitch: pitch + RADIANS_PER_SIDE * down })
        .catch(stage.failed);
    } else {
      const closer = fingers.size === 2 ? spread() / Math.max(apart, 1) : 1;
      stage
        .turn({ right: place.right + right, down: place.down + down, zoom: zoom * closer })
        .catch(stage.failed);
    }
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => fingers.delete(event.pointerId);
  canvas.onwheel = (event) => {
    event.preventDefault();
    stage.turn({ zoom: stage.view.zoom * Math.exp(-ZOOM_PER_PIXEL * event.deltaY) }).catch(stage.failed);
  };
  canvas.onkeydown = (event) => {
    const [yaw, pitch] = KEYS[event.key] ?? [0, 0];
    if (yaw !== 0 || pitch !== 0)
      stage.turn({ yaw: stage.view.yaw + yaw, pitch: stage.view.pitch + pitch }).catch(stage.failed);
  };
}

function mean(numbers: number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
