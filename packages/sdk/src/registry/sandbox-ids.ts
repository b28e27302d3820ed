/** Plugin id of the sandbox that is put inside every default one that builds a view. */
export const LANDLOCK_ID = 'landlock';
