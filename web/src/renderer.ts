/**
 * Draws sorted Gaussians with WebGL2: the projection of `pegasus_jax/families/gaussians/drawing.py` in a vertex shader,
 * the opacity rules of rasterizer/README.md in a fragment shader. Colours are blended as stored (sRGB), as in training.
 */
import { blurOf, LEAST_OPACITY, NEAR } from "./camera";
import { STRIDE } from "./messages";
import type { Canvas } from "./painter";
import { PageError } from "./stored";

const VERTEX = `#version 300 es
precision highp float;
uniform mat3 turn;
uniform vec3 shift;
uniform vec4 intrinsics;
uniform vec2 size;
uniform float blur;
in vec3 mean;
in vec3 covariance_x; // xx, xy, xz
in vec3 covariance_yz; // yy, yz, zz
in vec4 colour;
out vec2 place; // in standard deviations of the ellipse
flat out vec4 colour_out;
flat out float reach;

void main() {
  vec3 seen = turn * mean + shift;
  float inverse = 1.0 / max(seen.z, ${NEAR});
  vec2 slope = seen.xy * inverse;
  // Rows of the projection's derivative, and the covariance of the ellipse in square pixels.
  vec3 across = (intrinsics.x * inverse) * (vec3(1.0, 0.0, -slope.x) * turn);
  vec3 down = (intrinsics.y * inverse) * (vec3(0.0, 1.0, -slope.y) * turn);
  mat3 covariance = mat3(
    covariance_x,
    vec3(covariance_x.y, covariance_yz.xy),
    vec3(covariance_x.z, covariance_yz.yz));
  float a = dot(across, covariance * across) + blur;
  float b = dot(across, covariance * down);
  float c = dot(down, covariance * down) + blur;
  // Its axes: a quad along them, as far as an opacity of 1/255.
  float middle = 0.5 * (a + c);
  float radius = length(vec2(0.5 * (a - c), b));
  float longest = middle + radius;
  float shortest = max((a * c - b * b) / longest, 1e-6);
  vec2 axis = a > c ? vec2(longest - c, b) : vec2(b, longest - a);
  float norm = length(axis);
  axis = norm > 1e-12 ? axis / norm : vec2(1.0, 0.0);
  reach = 2.0 * log(max(colour.a / ${LEAST_OPACITY}, 1.0));
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
  place = corner * sqrt(reach);
  vec2 pixel = slope * intrinsics.xy + intrinsics.zw
    + place.x * sqrt(longest) * axis + place.y * sqrt(shortest) * vec2(-axis.y, axis.x);
  gl_Position = vec4(2.0 * pixel.x / size.x - 1.0, 1.0 - 2.0 * pixel.y / size.y, 0.0, 1.0);
  colour_out = colour;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 place;
flat in vec4 colour_out;
flat in float reach;
out vec4 drawn;

void main() {
  float distance = dot(place, place);
  if (distance > reach) discard;
  float alpha = min(0.99, colour_out.a * exp(-0.5 * distance));
  drawn = vec4(colour_out.rgb * alpha, alpha);
}`;

const ATTRIBUTES: [name: string, count: number, offset: number][] = [
  ["mean", 3, 0],
  ["covariance_x", 3, 12],
  ["covariance_yz", 3, 24],
  ["colour", 4, 36],
];

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private readonly uniforms: Record<string, WebGLUniformLocation | null> = {};
  private readonly buffer: WebGLBuffer;
  private count = 0;

  constructor(gl: WebGL2RenderingContext) {
    this.gl = gl;
    const program = linked(gl);
    gl.useProgram(program);
    for (const name of ["turn", "shift", "intrinsics", "size", "blur"]) {
      this.uniforms[name] = gl.getUniformLocation(program, name);
    }
    this.buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const [name, count, offset] of ATTRIBUTES) {
      const location = gl.getAttribLocation(program, name);
      const isBytes = name === "colour";
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, count, isBytes ? gl.UNSIGNED_BYTE : gl.FLOAT, isBytes, STRIDE, offset);
      gl.vertexAttribDivisor(location, 1);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /** Takes `count` Gaussians, the farthest first. */
  load(gaussians: ArrayBuffer, count: number): void {
    this.gl.bufferData(
      this.gl.ARRAY_BUFFER,
      new Uint8Array(gaussians, 0, STRIDE * count),
      this.gl.STREAM_DRAW,
    );
    this.count = count;
  }

  /** Draws what was loaded. */
  draw({ camera, background, width, height }: Canvas, trainingSide: number): void {
    const { gl, uniforms } = this;
    const T = camera.T_camera_world;
    gl.viewport(0, 0, width, height);
    const [red, green, blue, opacity] = background;
    gl.clearColor(red * opacity, green * opacity, blue * opacity, opacity);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniformMatrix3fv(uniforms.turn, true, [T[0], T[1], T[2], T[4], T[5], T[6], T[8], T[9], T[10]]);
    gl.uniform3f(uniforms.shift, T[3], T[7], T[11]);
    gl.uniform4fv(uniforms.intrinsics, Array.from(camera.intrinsics));
    gl.uniform2f(uniforms.size, width, height);
    gl.uniform1f(uniforms.blur, blurOf(width, height, trainingSide));
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, this.count);
  }

  /** Gives the memory of the graphics card back. */
  close(): void {
    this.gl.deleteBuffer(this.buffer);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const sources: [number, string][] = [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ];
  for (const [kind, source] of sources) {
    const shader = gl.createShader(kind);
    if (shader === null)
      throw new PageError("The graphics card has no room for the avatar. Close other pages.");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not link");
  }
  return program;
}
