import { BoxliteError } from '@boxlite/core';
import type { Box, Boxlite } from '@boxlite/sdk';

/** @throws BoxliteError `not_found` with what to do */
export async function findBox(boxlite: Boxlite, idOrName: string): Promise<Box> {
  const box = await boxlite.get(idOrName);
  if (box !== null) return box;
  throw new BoxliteError('not_found', `there is no box ${JSON.stringify(idOrName)}`, {
    hint: 'see `boxlite ls` for the boxes of this home',
    details: { field: 'box' },
  });
}
