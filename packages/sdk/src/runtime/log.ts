/** Where the SDK says what it noticed; it never prints by itself. */
export type Log = (entry: {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly boxId?: string;
  readonly cause?: unknown;
}) => void;

/** The default: whoever embeds the SDK decides what is shown. */
export const silentLog: Log = () => undefined;
