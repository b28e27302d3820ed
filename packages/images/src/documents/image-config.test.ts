import { describe, expect, it } from 'vitest';
import { parseImageConfig } from './image-config.js';

const DIFF_ID = `sha256:${'b'.repeat(64)}`;
const parse = (document: object) => parseImageConfig(Buffer.from(JSON.stringify(document)), 'configuration');
const base = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [DIFF_ID] } };

describe('an image configuration', () => {
  it('with nothing set gives the defaults of a container', () => {
    for (const config of [
      undefined,
      null,
      {},
      { Entrypoint: null, Cmd: null, Env: null, WorkingDir: '', User: '', ExposedPorts: null, Labels: null },
    ]) {
      expect(parse({ ...base, config }).config).toEqual({
        entrypoint: [],
        cmd: [],
        env: [],
        workingDir: '/',
        user: '',
        exposedPorts: [],
        labels: {},
      });
    }
  });

  it('with everything set is normalised', () => {
    const config = {
      Entrypoint: ['/init'],
      Cmd: ['a', 'b'],
      Env: ['A=1', 'B=', 'C=x=y'],
      WorkingDir: 'srv/../app/',
      User: '10:20',
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { k: 'v' },
      StopSignal: 'SIGINT',
      Volumes: { '/data': {} },
    };
    expect(parse({ ...base, variant: 'v8', config, history: [{ empty_layer: true }] })).toEqual({
      platform: { os: 'linux', architecture: 'amd64', variant: 'v8' },
      diffIds: [DIFF_ID],
      config: {
        entrypoint: ['/init'],
        cmd: ['a', 'b'],
        env: ['A=1', 'B=', 'C=x=y'],
        workingDir: '/app',
        user: '10:20',
        exposedPorts: ['80/tcp', '53/udp'],
        labels: { k: 'v' },
        stopSignal: 'SIGINT',
      },
    });
  });

  it.each<[string, object, string]>([
    ['no diff ids', { ...base, rootfs: { type: 'layers', diff_ids: [] } }, 'rootfs.diff_ids'],
    ['a wrong diff id', { ...base, rootfs: { type: 'layers', diff_ids: [DIFF_ID, 'sha256:x'] } }, 'rootfs.diff_ids[1]'],
    ['no rootfs', { os: 'linux', architecture: 'amd64' }, 'rootfs'],
    ['no architecture', { ...base, architecture: undefined }, 'architecture'],
    ['a variable without a value', { ...base, config: { Env: ['A=b', 'PATH'] } }, 'config.Env[1]'],
    ['a NUL in a command', { ...base, config: { Cmd: ['a\0b'] } }, 'config.Cmd[0]'],
    ['a command that is text', { ...base, config: { Cmd: 'sh -c x' } }, 'config.Cmd'],
    ['a number as label', { ...base, config: { Labels: { x: 1 } } }, 'config.Labels.x'],
  ])('with %s is refused, naming %s', (_title, document, field) => {
    expect(() => parse(document)).toThrow(expect.objectContaining({ code: 'image_invalid', details: { field } }));
  });

  it('cannot reach the prototypes of this process', () => {
    const text = JSON.stringify({ ...base, config: { Labels: {} } }).replace(
      '"Labels":{}',
      '"Labels":{"__proto__":"x","constructor":"y"}',
    );
    const { config } = parseImageConfig(Buffer.from(text), 'configuration');
    expect(Object.getPrototypeOf(config.labels)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});
