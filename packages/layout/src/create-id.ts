import {
  BASE_DISK_ID_LENGTH,
  BASE62,
  type BaseDiskId,
  type BoxId,
  LOCAL_BOX_ID_LENGTH,
  parseBaseDiskId,
  parseBoxId,
} from '@boxlite/core';
import { customAlphabet } from 'nanoid';

const boxIdText = customAlphabet(BASE62, LOCAL_BOX_ID_LENGTH);
const baseDiskIdText = customAlphabet(BASE62, BASE_DISK_ID_LENGTH);

/** A new random box id: 12 characters base62 (about 71 bits). */
export function createBoxId(): BoxId {
  return parseBoxId(boxIdText());
}

/** A new random base disk id: 8 characters base62 (about 47 bits; an insert that finds it taken is retried with another). */
export function createBaseDiskId(): BaseDiskId {
  return parseBaseDiskId(baseDiskIdText());
}
