import { BoxliteError } from '@boxlite/core';

/** A guest may have taken over its QEMU: what comes from the monitor is bounded and checked. Real answers are under 1 KiB. */
export const MAX_QMP_LINE_BYTES = 65_536;

/** What a monitor sends (QEMU, docs/interop/qmp-spec.txt). */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'event'; readonly name: string; readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly description: string };

/** Cuts a byte stream into the monitor's messages, one a line. */
export class QmpDecoder {
  #pending = Buffer.alloc(0);

  /** @throws BoxliteError `vmm_failed` for a line that is too long or no message */
  push(chunk: Uint8Array): readonly QmpMessage[] {
    const bytes = Buffer.concat([this.#pending, chunk]);
    const messages: QmpMessage[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      messages.push(parseQmpMessage(bytes.toString('utf8', start, end)));
      start = end + 1;
    }
    this.#pending = bytes.subarray(start);
    if (this.#pending.length > MAX_QMP_LINE_BYTES) throw notQmp('a line without an end');
    return messages;
  }
}

function parseQmpMessage(line: string): QmpMessage {
  if (line.length > MAX_QMP_LINE_BYTES) throw notQmp('a line that is too long');
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (thrown) {
    throw notQmp('something that is not JSON', thrown);
  }
  if (typeof parsed !== 'object' || parsed === null) throw notQmp('something that is not an object');
  const { QMP, event, data, id, error, return: value } = parsed as Record<string, unknown>;
  if (QMP !== undefined) return { kind: 'greeting', version: versionIn(QMP) };
  if (typeof event === 'string') return { kind: 'event', name: event, data: recordOf(data) };
  if (typeof id !== 'number') throw notQmp('an answer to nothing');
  if (error === undefined) return { kind: 'result', id, value };
  const description = (error as { desc?: unknown } | null)?.desc;
  return { kind: 'error', id, description: typeof description === 'string' ? description : 'no description' };
}

/** Such as `7.2.22`; empty when it is not told. */
function versionIn(greeting: unknown): string {
  const { major, minor, micro } = recordOf(recordOf(recordOf(greeting).version).qemu);
  const parts = [major, minor, micro];
  return parts.every((part) => typeof part === 'number') ? parts.join('.') : '';
}

/** The value, when it is an object; else an empty one. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function notQmp(what: string, cause?: unknown): BoxliteError {
  return new BoxliteError('vmm_failed', `QEMU's monitor sent ${what}`, {
    cause,
    hint: 'stop the box and start it again',
  });
}
