/** Version of this software, as programs and nodes tell it: that of the packages. */
export const SOFTWARE_VERSION = '0.1.0';
