import type { BoxId } from '@boxlite/core';

/**
 * Held, shared, by the process that created a box which removes itself, as long as its runtime is open. Without it a box that nobody has
 * started yet could not be told from one whose creator died.
 */
export const ownerLeaseEntity = (id: BoxId): string => `${OWNER_PREFIX}${id}`;

/** What the entities of all owners begin with. */
export const OWNER_PREFIX = 'box-owner:';
