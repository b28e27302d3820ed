import { describe, expect, it } from 'vitest';
import { sbplProfile } from './evaluate-sbpl.js';
import type { Question } from './sbpl-question.js';

const read = (path: string): Question => ({ operation: 'file-read-data', path });
const docker: Question = { operation: 'network-outbound', remote: { kind: 'unix', path: '/var/run/docker.sock' } };
const web: Question = {
  operation: 'network-outbound',
  remote: { kind: 'ip', protocol: 'tcp', host: '192.0.2.1', port: 443 },
  local: { kind: 'ip', protocol: 'tcp', host: '10.0.0.2', port: 51_000 },
};

describe('the evaluator of profiles in these tests, on profiles whose meaning is known', () => {
  it('takes the last rule that matches: allow then deny refuses, deny then allow permits', () => {
    const allow = '(allow file-read* (subpath "/etc"))';
    const deny = '(deny file-read* (literal "/etc/secret"))';
    const base = '(version 1)(deny default)';
    expect(sbplProfile(base + allow + deny).allows(read('/etc/secret'))).toBe(false);
    expect(sbplProfile(base + deny + allow).allows(read('/etc/secret'))).toBe(true);
    expect(sbplProfile(base + allow + deny).allows(read('/etc/hosts'))).toBe(true);
  });

  it('knows that a group does not take back what was allowed by the very operation, where that is so', () => {
    const profile = sbplProfile(
      '(version 1)(deny default)(allow file-read-data (subpath "/"))(deny file-read* (literal "/p/.env"))',
    );
    expect(profile.allows(read('/p/.env'), 'nearest')).toBe(true);
    expect(profile.allows(read('/p/.env'), 'last')).toBe(false);
    const exact = sbplProfile(
      '(version 1)(deny default)(allow file-read-data (subpath "/"))(deny file-read-data (literal "/p/.env"))',
    );
    for (const semantics of ['last', 'nearest'] as const) {
      expect(exact.allows(read('/p/.env'), semantics)).toBe(false);
      expect(exact.allows(read('/p/other'), semantics)).toBe(true);
    }
  });

  it('a network without exceptions: deny network* after allow default refuses every connection, files stay', () => {
    const profile = sbplProfile('(version 1)(allow default)(deny network*)');
    expect([profile.allows(web), profile.allows(docker), profile.allows(read('/etc/hosts'))]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('internet addresses are not unix sockets, and a rule about the local end permits every connection', () => {
    const byRemote = sbplProfile('(version 1)(deny default)(allow network-outbound (remote ip "localhost:8080"))');
    expect([byRemote.allows(web), byRemote.allows(docker)]).toEqual([false, false]);
    const byLocal = sbplProfile('(version 1)(deny default)(allow network-outbound (local ip "*:*"))');
    expect([byLocal.allows(web), byLocal.allows(docker)]).toEqual([true, false]);
    const any = sbplProfile('(version 1)(deny default)(allow network-outbound)');
    expect([any.allows(web), any.allows(docker)]).toEqual([true, true]);
  });

  it('denies of files leave unix sockets open, which are the network’s', () => {
    const profile = sbplProfile('(version 1)(allow default)(deny file* (subpath "/var/run"))');
    expect([profile.allows(read('/var/run/docker.sock')), profile.allows(docker)]).toEqual([false, true]);
  });

  it('subpath covers a directory and what is below it, and no neighbour of a longer name', () => {
    const profile = sbplProfile('(version 1)(deny default)(allow file-read* (subpath "/a/b"))');
    const answers = ['/a/b', '/a/b/c/d', '/a/bc', '/a', '/a/B'].map((path) => profile.allows(read(path)));
    expect(answers).toEqual([true, true, false, false, false]);
  });

  it('literal covers one path, regex what it matches, require-all, require-any and require-not what they say', () => {
    const profile = sbplProfile(
      `(version 1)(deny default)
       (allow file-read* (require-all (subpath "/p") (require-not (literal "/p/x"))) (regex #"^/q/.*\\.so$"))
       (allow file-write* (require-any (literal "/w") (literal "/v")))`,
    );
    const answers = ['/p/a', '/p/x', '/q/lib.so', '/q/lib.so.1'].map((path) => profile.allows(read(path)));
    expect(answers).toEqual([true, false, true, false]);
    expect(profile.allows({ operation: 'file-write-data', path: '/v' })).toBe(true);
  });

  it('parameters are strings from outside', () => {
    const text = '(version 1)(deny default)(allow file-read* (subpath (param "HOME")))';
    expect(sbplProfile(text, { HOME: '/Users/me' }).allows(read('/Users/me/x'))).toBe(true);
    expect(() => sbplProfile(text).allows(read('/Users/me/x'))).toThrow(SyntaxError);
  });

  it('deny default does not reach code that is mapped, nor what is asked of other processes', () => {
    const map: Question = { operation: 'file-map-executable', path: '/tmp/evil.dylib' };
    const info: Question = { operation: 'process-info-pidinfo', target: 'others' };
    const bare = sbplProfile('(version 1)(deny default)');
    expect([bare.allows(map), bare.allows(info), bare.allows(read('/'))]).toEqual([true, true, false]);
    const told = sbplProfile('(version 1)(deny default)(deny file-map-executable process-info*)');
    expect([told.allows(map), told.allows(info)]).toEqual([false, false]);
  });

  it.each([
    ['no version', '(deny default)'],
    ['an operation that does not exist', '(version 1)(allow file-teleport)'],
    ['code', '(version 1)(define x "/")'],
    ['an import', '(version 1)(import "system.sb")'],
  ])('refuses %s rather than guess', (_, text) => {
    expect(() => sbplProfile(text)).toThrow(SyntaxError);
  });

  it('refuses a filter it does not know when it is asked about it', () => {
    const profile = sbplProfile('(version 1)(deny default)(allow file-read* (extension "x"))');
    expect(() => profile.allows(read('/'))).toThrow(SyntaxError);
  });
});
