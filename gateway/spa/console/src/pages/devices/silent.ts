/** Devices that have sent nothing for a day; the name of that filter in the list's address. */
export const SILENT_24H = '24h';

/** The instant since when. */
export const silentSince = () => new Date(Date.now() - 24 * 3600 * 1000).toISOString();
