/** What a start begins with: nothing, a template of the home, a memory snapshot of the box, or another box that runs. */
export const START_ORIGINS = ['cold', 'template', 'snapshot', 'fork'] as const;
export type StartOrigin = (typeof START_ORIGINS)[number];
