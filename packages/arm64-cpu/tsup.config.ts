import { library } from '../../tools/tsup.ts';
import { buildCore } from './src/interpreter/build.ts';

/** The module that stands in for src/core-image.ts: the same function over bytes generated now. */
function generatedImage(): string {
  const { module, constants } = buildCore();
  const text = (bytes: Uint8Array) => JSON.stringify(Buffer.from(bytes).toString('base64'));
  return `
    const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    let image;
    export function coreImage() {
      image ??= { module: decode(${text(module)}), constants: decode(${text(constants)}) };
      return image;
    }`;
}

export default {
  ...library({ platform: 'neutral', entry: ['src/index.ts', 'src/sizes.ts', 'src/wasm.ts'] }),
  esbuildPlugins: [
    {
      name: 'generated-core',
      setup(build) {
        build.onLoad({ filter: /[\\/]src[\\/]core-image\.ts$/ }, () => ({ contents: generatedImage(), loader: 'js' }));
      },
    },
  ],
};
