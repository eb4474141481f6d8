/** @type {import('jest').Config} */
export default {
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      'babel-jest',
      {
        configFile: false,
        presets: [['@babel/preset-typescript', { onlyRemoveTypeImports: true }]],
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/__tests__/support/setup.ts'],
  // The entries have nothing but calls, and are run by the scenarios of the bundles.
  collectCoverageFrom: ['src/**/*.ts', '!src/{index,job,run}.ts'],
  coverageThreshold: { global: { branches: 100, functions: 100, lines: 100, statements: 100 } },
  testTimeout: 30_000,
};
