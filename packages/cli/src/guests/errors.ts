/** What went wrong while guests were looked for; each code has one cause and one remedy. */
export type GuestFetchCode =
  | 'bad-environment'
  | 'not-debian'
  | 'missing-tool'
  | 'no-sources'
  | 'update-failed'
  | 'package-not-found'
  | 'download-failed'
  | 'unpack-failed'
  | 'cache-unusable'
  | 'lock-timeout'
  | 'aborted';

/** A guest could not be had. `message` says what happened, `remedy` what to do about it. */
export class GuestFetchError extends Error {
  override readonly name = 'GuestFetchError';
  readonly code: GuestFetchCode;
  readonly remedy: string;

  constructor(code: GuestFetchCode, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
  }
}
