/** The library's registry alone, as registry.ts imports it: the package describes its whole only. */
declare module '@prometheus-io/client/lib/registry.js' {
  import { Registry } from '@prometheus-io/client';
  export = Registry;
}
