import { deviceCodeImage } from './image.ts';

let compiled: WebAssembly.Module | undefined;

/** The module of device code, compiled once on each thread that asks for it. */
export const compileDeviceCode = (): WebAssembly.Module => {
  compiled ??= new WebAssembly.Module(deviceCodeImage());
  return compiled;
};
