import type { ProfileContext } from '../../src/profile/seatbelt-profile.js';
import type { FileAccess } from './access-under.js';

const READ_ONLY: FileAccess = { read: true, write: false, execute: true, map: true, connect: false, bind: false };
const READ_WRITE: FileAccess = { read: true, write: true, execute: false, map: false, connect: true, bind: true };
const NOTHING: FileAccess = { read: false, write: false, execute: false, map: false, connect: false, bind: false };

/** What every program is given besides, so nothing is said of it here. */
const OF_THE_SYSTEM =
  /^\/(?:usr\/lib|dev\/(?:null|zero|u?random)|System\/(?:Library|Cryptexes|Volumes\/Preboot\/Cryptexes)|Library\/Apple\/(?:System\/Library|usr\/lib)|private\/var\/run\/mDNSResponder)(?:\/|$)|^\/(?:tmp|var|etc)?$/;

/**
 * What the contract says of a path, by the words of `SandboxContext`: the longest row that the path is, or lies below, decides; a mask beats a grant
 * of the same path. Written without the code it is a measure of.
 * @returns undefined where the contract leaves it open
 */
export function referenceAccess(context: ProfileContext, binary: string, asked: string): FileAccess | undefined {
  const path = placeOf(asked);
  if (OF_THE_SYSTEM.test(path) || OF_THE_SYSTEM.test(asked)) return undefined;
  const granted = rowsOf(context);
  // The program of the command is a row of its own, unless it is hidden.
  const own = placeOf(binary);
  const around = deepest(granted, own)?.kind;
  const kind = around === 'data' ? 'data' : 'read';
  const rows = around === 'mask' ? granted : [...granted, { place: own, kind } as const];
  const row = deepest(rows, path);
  if (row === undefined || row.kind === 'mask') return NOTHING;
  if (row.kind === 'data') return { ...NOTHING, read: true };
  return row.kind === 'read' ? READ_ONLY : READ_WRITE;
}

interface Row {
  readonly place: string;
  readonly kind: 'write' | 'read' | 'data' | 'mask';
}

function rowsOf({ paths, maskedPaths = [] }: ProfileContext): readonly Row[] {
  return [
    ...paths
      .map(
        ({ path, writable, executable }): Row => ({
          place: placeOf(path),
          kind: writable ? 'write' : executable === false ? 'data' : 'read',
        }),
      )
      .filter(({ place }) => place !== '/' && place !== '/System' && place !== '/System/Volumes'),
    ...maskedPaths.map((path): Row => ({ place: placeOf(path), kind: 'mask' })),
  ];
}

function deepest(rows: readonly Row[], path: string): Row | undefined {
  const order = ['write', 'read', 'data', 'mask'];
  return rows
    .filter(({ place }) => `${path}/`.startsWith(place === '/' ? '/' : `${place}/`))
    .toSorted((a, b) => a.place.length - b.place.length || order.indexOf(a.kind) - order.indexOf(b.kind))
    .at(-1);
}

/** The place a name stands for on macOS. */
function placeOf(name: string): string {
  let place = name.normalize('NFC');
  if (place !== '/') place = place.replace(/\/$/, '');
  place = place.replace(/^\/System\/Volumes\/Data(?=\/|$)/, '') || '/';
  return place.replace(/^\/(tmp|var|etc)(?=\/|$)/, '/private/$1');
}
