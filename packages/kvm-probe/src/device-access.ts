import { stat } from 'node:fs/promises';
import { errnoOf } from '@boxlite/core';
import { textOf } from './host-files.js';
import type { DeviceAccess } from './kvm-facts.js';

const GROUP_READ_WRITE = 0o060;
/** What a group may be called (groupadd(8)); the name goes into commands that people copy. */
const GROUP_NAME = /^[a-z_][a-z0-9_-]{0,31}$/;

/**
 * Who may open a device.
 * @param device absolute
 * @param root where `/etc/group` is looked for
 * @param userName whose membership is asked for
 */
export async function deviceAccess(device: string, root: string, userName: string): Promise<DeviceAccess> {
  const { gid, mode } = await statOrNone(device);
  const entry = (await textOf(root, '/etc/group'))
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , id]) => id === String(gid));
  const [name = '', , , members = ''] = entry ?? [];
  return {
    group: GROUP_NAME.test(name) ? name : undefined,
    groupMayUse: (mode & GROUP_READ_WRITE) === GROUP_READ_WRITE,
    userIsListed: members.split(',').includes(userName),
  };
}

/** A device that went away meanwhile is one nobody may open; opening it says the rest. */
async function statOrNone(device: string): Promise<{ readonly gid: number; readonly mode: number }> {
  try {
    return await stat(device);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return { gid: -1, mode: 0 };
  }
}
