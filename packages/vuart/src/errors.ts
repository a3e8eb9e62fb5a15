/** `state-misaligned`: byteOffset is not a multiple of 4. `state-too-small`: the buffer ends before the state does. */
export type VuartErrorCode = 'state-misaligned' | 'state-too-small';

/** The embedder gave a device something it can't work with. A guest's access never throws. */
export class VuartError extends Error {
  override readonly name = 'VuartError';
  readonly code: VuartErrorCode;

  constructor(code: VuartErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
