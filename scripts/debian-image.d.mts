/** Why the images cannot be made or unpacked here, or undefined when they can. */
export function whyNoDebianImage(): string | undefined;

/** The OCI layout with the tags `large` and `small`, made if it is not there. */
export function debianImageLayout(): string;
