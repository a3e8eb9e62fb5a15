import { library } from '../../tools/tsup.ts';
import { buildDeviceCode } from './src/device-code/module.ts';

/** The module that stands in for src/device-code/image.ts: the same function over bytes generated now. */
const generatedImage = (): string => `
  const text = ${JSON.stringify(Buffer.from(buildDeviceCode()).toString('base64'))};
  export const deviceCodeImage = () => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));`;

export default {
  ...library({ platform: 'neutral', entry: ['src/index.ts', 'src/plan.ts'] }),
  esbuildPlugins: [
    {
      name: 'generated-device-code',
      setup(build) {
        build.onLoad({ filter: /[\\/]device-code[\\/]image\.ts$/ }, () => ({
          contents: generatedImage(),
          loader: 'js',
        }));
      },
    },
  ],
};
