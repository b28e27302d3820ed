import { BoxliteError } from '../errors/boxlite-error.js';

/**
 * The frame of the agent link and of `control/api.sock`. Fixed header, little endian, so that the supervisor routes without
 * parsing payloads (design: architecture page, section 4):
 *
 * ```
 * 0  u32 length   payload bytes, at most MAX_FRAME_PAYLOAD
 * 4  u32 stream   slot << 16 | local id; slot 0 is the supervisor itself
 * 8  u8  type     FrameType
 * 9  u8  channel  Channel, 0 when the type has none
 * 10 u16 flags    FrameFlag bits
 * ```
 */
export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly channel: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const FRAME_HEADER_BYTES = 12;
export const MAX_FRAME_PAYLOAD = 65_536;
/** Unacknowledged bytes a sender may have under way per stream and channel before it waits for CREDIT. */
export const INITIAL_CREDIT_BYTES = 131_072;
/**
 * Bytes of whole frames, all streams together, an end of the agent link may have under way before it waits for LINK_ACK, when the agent's HELLO
 * carries WINDOWED. libkrun's vsock stalls for ever near 240 KiB before 1.19 (libkrun issue 772).
 */
export const LINK_WINDOW_BYTES = 131_072;
/** What is received is acknowledged this many bytes at a time; the window less this still takes the largest frame. */
export const LINK_ACK_BYTES = 32_768;

/** Who sends what. Values below 32 reach the agent; 32 and above stay between a host process and the supervisor. */
export const FrameType = {
  /** agent to host, stream 0, protobuf `Hello`; the supervisor repeats it to every host process that connects. */
  HELLO: 1,
  /** host to agent, protobuf `Request`; the first on a new stream opens it. */
  REQUEST: 2,
  /** agent to host, protobuf `Response`; with END it is the last frame of the stream. */
  RESPONSE: 3,
  /** raw bytes of a channel; with END the channel is at its end. */
  DATA: 4,
  /** u32 little endian: bytes of a channel consumed, granted to the sender again. */
  CREDIT: 5,
  /** host to agent: nobody listens on this stream any more; the execution goes on. The agent answers with its own, the stream's last. */
  CLOSE: 6,
  /** supervisor to agent, stream 0, no payload: stop everything, sync, power off. */
  SHUTDOWN: 7,
  /** supervisor to agent, stream slot << 16: the host process is gone; the agent echoes it when the slot's streams are closed. */
  SLOT_GONE: 8,
  /**
   * agent and supervisor, stream 0, u32 little endian: bytes of whole frames received since the last one. HELLO and LINK_ACK itself do
   * not count, and LINK_ACK never waits. Never seen by a host process.
   */
  LINK_ACK: 9,
  /** supervisor to host process, stream 0, JSON `SupervisorWelcome`; always the first frame. */
  WELCOME: 32,
  /** host process to supervisor, u32 grace in milliseconds: stop through the agent, then kill. */
  STOP: 33,
  /** host process to supervisor: kill the VMM now. */
  KILL: 34,
  /** supervisor to every host process, JSON `ExitRecord`: the VMM is gone; the connection ends after it. */
  EXITED: 35,
} as const;

/**
 * `MORE` on a REQUEST: its payload goes on in the next REQUEST frame of the stream. `WINDOWED` on the agent's HELLO: from here on both ends keep
 * {@link LINK_WINDOW_BYTES} and acknowledge; not passed on to host processes.
 */
export const FrameFlag = { END: 1, MORE: 2, WINDOWED: 4 } as const;

export const Channel = { STDIN: 0, STDOUT: 1, STDERR: 2 } as const;

const EMPTY = new Uint8Array(0);

/** Writes one frame. @throws BoxliteError `internal` when the payload is over {@link MAX_FRAME_PAYLOAD} */
export function encodeFrame(frame: Partial<Frame> & { readonly type: number }): Uint8Array {
  const payload = frame.payload ?? EMPTY;
  if (payload.length > MAX_FRAME_PAYLOAD) {
    throw new BoxliteError('internal', `frame payload of ${payload.length} bytes exceeds ${MAX_FRAME_PAYLOAD}`);
  }
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, frame.stream ?? 0, true);
  view.setUint8(8, frame.type);
  view.setUint8(9, frame.channel ?? 0);
  view.setUint16(10, frame.flags ?? 0, true);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** Cuts a byte stream into frames. The other side is hostile: a length over the bound ends the stream with an error. */
export class FrameDecoder {
  #pending: Uint8Array = EMPTY;

  /**
   * @param chunk the next bytes of the stream
   * @returns the frames completed by it; payloads are views of received memory and are not copied
   * @throws BoxliteError `agent_protocol` when a header announces more than {@link MAX_FRAME_PAYLOAD}
   */
  push(chunk: Uint8Array): Frame[] {
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    let offset = 0;
    while (bytes.length - offset >= FRAME_HEADER_BYTES) {
      const length = view.getUint32(offset, true);
      if (length > MAX_FRAME_PAYLOAD) {
        throw new BoxliteError('agent_protocol', `frame of ${length} bytes exceeds the bound of ${MAX_FRAME_PAYLOAD}`);
      }
      const end = offset + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      frames.push({
        stream: view.getUint32(offset + 4, true),
        type: view.getUint8(offset + 8),
        channel: view.getUint8(offset + 9),
        flags: view.getUint16(offset + 10, true),
        payload: bytes.subarray(offset + FRAME_HEADER_BYTES, end),
      });
      offset = end;
    }
    this.#pending = offset === bytes.length ? EMPTY : bytes.subarray(offset);
    return frames;
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
