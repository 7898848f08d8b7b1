export const hosts = [];
