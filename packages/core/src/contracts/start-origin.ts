/** What a start begins with: nothing, a template of the home, a memory snapshot of the box, or another box that runs. */
export const START_ORIGINS = ['cold', 'template', 'snapshot', 'fork'] as const;
export type StartOrigin = (typeof START_ORIGINS)[number];

/** What a template was made for: any box of a shape, or boxes of one image in that shape. */
export const TEMPLATE_KINDS = ['shape', 'image'] as const;
export type TemplateKind = (typeof TEMPLATE_KINDS)[number];
