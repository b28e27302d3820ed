/** `PRAGMA application_id` of a BoxLite database: "BLTS" as 32 bits. It tells our files from other programs'. */
export const APPLICATION_ID = 0x424c5453;
