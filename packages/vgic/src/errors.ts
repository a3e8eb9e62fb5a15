/**
 * `state-misaligned`: byteOffset is not a multiple of 4. `state-too-small`: the buffer ends before the state does.
 * `state-mismatch`: the state was reset with another version or number of vCPUs or SPIs.
 * `bad-option`: vcpus or nrSpis is out of range. `bad-vcpu`, `bad-intid`: the embedder named a vCPU or an interrupt
 * that this GIC doesn't have. `bad-register`: the embedder passed on an access to an ICC register that doesn't exist.
 */
export type VGicErrorCode =
  | 'state-misaligned'
  | 'state-too-small'
  | 'state-mismatch'
  | 'bad-option'
  | 'bad-vcpu'
  | 'bad-intid'
  | 'bad-register';

/** The embedder gave a vGIC something it can't work with. A guest's access never throws. */
export class VGicError extends Error {
  override readonly name = 'VGicError';
  readonly code: VGicErrorCode;

  constructor(code: VGicErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
