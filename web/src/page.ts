/** The page of one avatar: its controls. What they do is `Stage`'s. */
import { Avatar } from "./avatar";
import { Stage } from "./stage";
import { PageError, type Slider } from "./stored";
import { followFingers } from "./fingers";
import type { Way } from "./surface";
import { FRONT } from "./view";

const DENSEST = 2; // canvas pixels for one of the page: more cost time and show nothing
const WAYS: Way[] = ["webgl", "painted"]; // of drawing, for those who compare them: index.html#painted
const SIDES = /(Left|Right)$/;

function find<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}

function say(sentence: string): void {
  find("message").textContent = sentence;
}

function tell(error: unknown): void {
  const isOurs = error instanceof PageError;
  say(isOurs ? error.message : `Something is wrong with this page: ${(error as Error).message ?? error}`);
}

/** Sliders of one group; of two sides one slider, unless they are to be apart. */
function grouped(sliders: Slider[], apart: boolean): [name: string, sliders: Slider[]][] {
  const groups = new Map<string, Slider[]>();
  for (const slider of sliders) {
    const stem = slider.label.replace(SIDES, "");
    const isPair =
      SIDES.test(slider.label) && sliders.filter((one) => one.label.replace(SIDES, "") === stem).length === 2;
    const isTurn = ["jaw", "mouth", "eyesLook"].includes(stem); // to the left or to the right, not two sides of one thing
    const name = apart || !isPair || isTurn ? slider.label : stem;
    groups.set(name, [...(groups.get(name) ?? []), slider]);
  }
  return [...groups];
}

/** "mouth smile left" of "mouthSmileLeft". */
function inWords(label: string): string {
  return label.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** Fills a place with sliders; returns what shows where they stand. */
function addSliders(place: HTMLElement, groups: [string, Slider[]][], stage: Stage): () => void {
  const rows = groups.map(([name, sliders]) => {
    const [label, output, input] = ["label", "output", "input"].map((kind) =>
      document.createElement(kind),
    ) as [HTMLLabelElement, HTMLOutputElement, HTMLInputElement];
    const { low, high } = sliders[0];
    Object.assign(input, { type: "range", min: low, max: high, step: 0.01, name });
    label.className = "slider";
    label.append(inWords(name), output, input);
    const update = () => {
      const value = stage.value(sliders[0]);
      input.valueAsNumber = value;
      output.value = value.toFixed(2);
    };
    input.oninput = () => {
      stage.play(false);
      const value = input.valueAsNumber;
      stage.move(Object.fromEntries(sliders.map((slider) => [slider.label, value]))).catch(stage.failed);
    };
    return { label, update };
  });
  place.replaceChildren(...rows.map(({ label }) => label));
  const updateAll = () => rows.forEach(({ update }) => update());
  updateAll();
  return updateAll;
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fit(canvas: HTMLCanvasElement, stage: Stage): void {
  const resize = () => {
    const { clientWidth, clientHeight } = canvas;
    const most = Math.sqrt(stage.avatar.surface.mostPixels / (clientWidth * clientHeight));
    const density = Math.min(window.devicePixelRatio, DENSEST, most);
    const [width, height] = [clientWidth, clientHeight].map((side) =>
      Math.max(1, Math.round(side * density)),
    );
    if (canvas.width === width && canvas.height === height) return;
    Object.assign(canvas, { width, height });
    stage.show().catch(stage.failed);
  };
  new ResizeObserver(resize).observe(canvas);
  resize();
}

function addControls(stage: Stage): void {
  const [pose, expression] = (["pose", "expression"] as const).map((group) =>
    stage.sliders.filter((slider) => slider.group === group),
  );
  const apart = find<HTMLInputElement>("apart");
  const updatePose = addSliders(find("pose"), grouped(pose, true), stage);
  let updateExpression = () => {};
  apart.onchange = () => {
    updateExpression = addSliders(find("expression"), grouped(expression, apart.checked), stage);
  };
  apart.onchange(new Event("change"));
  find("rest").onclick = () => {
    stage.play(false);
    stage.rest().catch(stage.failed);
  };
  find("front").onclick = () => stage.turn(FRONT).catch(stage.failed);

  const [play, time] = [find<HTMLButtonElement>("play"), find<HTMLInputElement>("time")];
  find("clip").hidden = stage.numFrames === 0;
  time.max = String(stage.numFrames - 1);
  play.onclick = () => {
    stage.play(!stage.isPlaying);
    play.textContent = stage.isPlaying ? "stop" : "play";
  };
  time.oninput = () => {
    stage.play(false);
    stage.showFrame(time.valueAsNumber).catch(stage.failed);
  };

  const [colour, clear] = [find<HTMLInputElement>("colour"), find<HTMLInputElement>("clear")];
  colour.oninput = clear.onchange = () => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.value.slice(at, at + 2), 16) / 255);
    stage.setBackground([red, green, blue, clear.checked ? 0 : 1]).catch(stage.failed);
  };

  const buttons = [find<HTMLButtonElement>("still"), find<HTMLButtonElement>("film")];
  const saving = (words: string, taken: () => Promise<Blob>, name: string) => async () => {
    buttons.forEach((button) => (button.disabled = true));
    say(words);
    try {
      const content = await taken();
      save(content, `${name}.${content.type.split("/")[1]}`);
      say("");
    } catch (error) {
      tell(error);
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  };
  buttons[0].onclick = saving("", () => stage.still(), "avatar");
  buttons[1].onclick = saving("Filming…", () => stage.film(), "avatar");

  stage.drawn = () => {
    updatePose();
    updateExpression();
    time.valueAsNumber = stage.frameNumber;
    play.textContent = stage.isPlaying ? "stop" : "play";
  };
}

async function open(): Promise<void> {
  const canvas = find<HTMLCanvasElement>("canvas");
  const way = WAYS.find((one) => location.hash === `#${one}`) ?? "auto";
  const stage = new Stage(await Avatar.open(canvas, "./", way));
  find("made").textContent = stage.avatar.stored.header.made.sentence;
  find("panel").hidden = false;
  stage.failed = tell;
  addControls(stage);
  followFingers(canvas, stage);
  fit(canvas, stage);
  await stage.show();
  say("");
  Object.assign(window, { pegasusStage: stage }); // for those who try things in the console, and for tests
}

open().catch(tell); // a page opened from a disk hears of no rejection that is not caught
