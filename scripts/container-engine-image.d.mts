/** Why the image cannot be made here, or undefined when it can. */
export function whyNoContainerEngineImage(): string | undefined;

/** The OCI layout, made if it is not there. */
export function containerEngineImageLayout(): string;
