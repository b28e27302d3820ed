import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_HEADER_BYTES, FrameDecoder, FrameType, MAX_FRAME_PAYLOAD } from './frame.js';

describe('frames', () => {
  it('lay out length, stream, type, channel and flags little endian in twelve bytes', () => {
    const bytes = encodeFrame({
      type: FrameType.DATA,
      stream: 0x00020001,
      channel: 2,
      flags: 1,
      payload: new Uint8Array([9]),
    });
    expect([...bytes]).toEqual([1, 0, 0, 0, 1, 0, 2, 0, 4, 2, 1, 0, 9]);
  });

  it('come back the same however the bytes are cut', () => {
    const payload = Uint8Array.from({ length: 1000 }, (_, index) => index & 255);
    const bytes = new Uint8Array([
      ...encodeFrame({ type: 4, stream: 7, channel: 1, flags: 0, payload }),
      ...encodeFrame({ type: 5, stream: 8 }),
    ]);
    for (const step of [1, 5, FRAME_HEADER_BYTES, 500, bytes.length]) {
      const decoder = new FrameDecoder();
      const frames = [];
      for (let at = 0; at < bytes.length; at += step) frames.push(...decoder.push(bytes.subarray(at, at + step)));
      expect(frames).toHaveLength(2);
      expect([...frames[0]!.payload]).toEqual([...payload]);
      expect(frames[1]).toMatchObject({ type: 5, stream: 8, channel: 0, flags: 0 });
    }
  });

  it('end the stream with an error when a header announces too much', () => {
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    new DataView(header.buffer).setUint32(0, MAX_FRAME_PAYLOAD + 1, true);
    expect(() => new FrameDecoder().push(header)).toThrow(expect.objectContaining({ code: 'agent_protocol' }));
    expect(() => encodeFrame({ type: 4, payload: new Uint8Array(MAX_FRAME_PAYLOAD + 1) })).toThrow(/exceeds/);
  });
});
