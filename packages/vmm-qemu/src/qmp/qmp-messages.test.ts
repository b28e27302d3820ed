import { describe, expect, it } from 'vitest';
import { MAX_QMP_LINE_BYTES, QmpDecoder } from './qmp-messages.js';

const decode = (...chunks: string[]) => {
  const decoder = new QmpDecoder();
  return chunks.flatMap((chunk) => decoder.push(Buffer.from(chunk)));
};

describe('QmpDecoder', () => {
  it('reads greetings, events, results and errors, however the stream is cut', () => {
    const stream = [
      '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "x"}}}',
      '{"event": "STOP", "data": {"id": 7}}',
      '{"return": {"running": true}, "id": 1}',
      '{"error": {"class": "GenericError", "desc": "no \\u00fcbung"}, "id": 2}',
    ].join('\r\n');
    const expected = [
      { kind: 'greeting', version: '7.2.22' },
      { kind: 'event', name: 'STOP', data: { id: 7 } },
      { kind: 'result', id: 1, value: { running: true } },
      { kind: 'error', id: 2, description: 'no übung' },
    ];
    expect(decode(`${stream}\r\n`)).toEqual(expected);
    expect(decode(...`${stream}\n`)).toEqual(expected);
  });

  it.each([
    ['no JSON', 'rubbish\n'],
    ['no object', '7\n'],
    ['an answer without an id', '{"return": {}}\n'],
    ['an answer with a foreign id', '{"return": {}, "id": {"a": 1}}\n'],
    ['a line without an end', 'x'.repeat(MAX_QMP_LINE_BYTES + 1)],
    ['a line that is too long', `"${'x'.repeat(MAX_QMP_LINE_BYTES)}"\n`],
  ])('refuses %s', (_, text) => {
    expect(() => decode(text)).toThrowError(expect.objectContaining({ code: 'vmm_failed' }));
  });

  it('survives an error without a description', () => {
    expect(decode('{"error": null, "id": 1}\n')).toEqual([{ kind: 'error', id: 1, description: 'no description' }]);
  });
});
