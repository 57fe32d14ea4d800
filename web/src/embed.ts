/**
 * For a page of one's own: five functions.
 *
 *   import { openAvatar, move, turn, play, still } from "./me_page/embed.js";
 *   const avatar = await openAvatar(document.querySelector("canvas"), "./me_page/");
 *   await move(avatar, { "jaw open": 0.3, mouthSmileLeft: 0.8 });
 */
import { Avatar } from "./avatar";
import { Stage } from "./stage";
import type { Orbit } from "./view";

export type { Stage } from "./stage";

/** Shows the avatar of a folder on a canvas, as large as the canvas' own `width` and `height`. */
export async function openAvatar(canvas: HTMLCanvasElement, folder: string): Promise<Stage> {
  const stage = new Stage(await Avatar.open(canvas, folder, "auto"));
  await stage.show();
  return stage;
}

/** Sets sliders by their labels, in the units of the page; `avatar.sliders` lists them. */
export function move(avatar: Stage, values: Record<string, number>): Promise<void> {
  return avatar.move(values);
}

/** Looks from elsewhere: `yaw` and `pitch` in radians, `zoom` 1 as exported. */
export function turn(avatar: Stage, orbit: Partial<Orbit>): Promise<void> {
  return avatar.turn(orbit);
}

/** Plays the clip that came with the avatar, or stops it. */
export function play(avatar: Stage, on: boolean): void {
  avatar.play(on);
}

/** A PNG of what is shown, which says that it is synthetic. */
export function still(avatar: Stage): Promise<Blob> {
  return avatar.still();
}
