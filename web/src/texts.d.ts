declare module "worker:*" {
  const source: string;
  export default source;
}

declare module "assembly:*" {
  const module: Uint8Array<ArrayBuffer>;
  export default module;
}
