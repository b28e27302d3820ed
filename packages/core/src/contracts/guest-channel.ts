import type { Frame } from '../wire/frame.js';

/**
 * One host process's connection to the guest agent of a box, by way of the supervisor. Frames are delivered in order; their stream ids
 * are local to this channel (1 to 65535).
 *
 * The user of a channel sets `onFrame` before it returns to the event loop; frames that arrive earlier are kept. Flow control is
 * by credit above this contract, so `onFrame` may not block and need not push back.
 */
export interface GuestChannel {
  /** Resolves when the frame has been handed to the operating system or buffered below the high-water mark. @throws BoxliteError `agent_unavailable` after the channel has closed */
  send(frame: Partial<Frame> & { readonly type: number }): Promise<void>;
  onFrame(listener: (frame: Frame) => void): void;
  /** Called once, with the reason, when no further frame can come. Called at once if the channel has closed already. */
  onClose(listener: (reason: Error) => void): void;
}
