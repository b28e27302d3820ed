import { describe, expect, it } from 'vitest';
import { pluginChecks } from '../doctor/plugin-checks.js';
import { defaultRegistry } from './default-registry.js';

describe('the sandboxes this SDK comes with', () => {
  it('are bubblewrap, Landlock and seatbelt, none of them loaded until it is looked at', () => {
    const ids = defaultRegistry()
      .list('sandbox')
      .map(({ id }) => id);
    expect(ids.toSorted()).toEqual(['bwrap', 'landlock', 'seatbelt']);
  });

  it('tell where they belong: seatbelt is macOS’s, and elsewhere says what to use instead', async () => {
    const found = (await defaultRegistry().probeAll('sandbox')).find(({ plugin }) => plugin.id === 'seatbelt');
    if (process.platform === 'darwin') return expect(found?.result.available).toBe(true);
    expect(found?.result).toEqual({
      available: false,
      reason: `seatbelt is a part of macOS, and this is ${process.platform}`,
      remedy: 'on Linux use the bubblewrap sandbox',
    });
  });

  it('are each shown by the doctor, and one of another system fails nothing', async () => {
    const checks = (await pluginChecks(defaultRegistry())).filter(({ id }) => id.startsWith('sandbox:'));
    expect(checks.map(({ id }) => id).toSorted()).toEqual(['sandbox:bwrap', 'sandbox:landlock', 'sandbox:seatbelt']);
    if (process.platform === 'darwin') return;
    expect(checks.find(({ id }) => id === 'sandbox:seatbelt')?.status).toBe('warning');
  });
});
