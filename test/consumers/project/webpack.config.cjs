module.exports = ({ external }) => ({
  mode: "none",
  target: "node20",
  entry: "./start.mjs",
  externals: external ? { fixelf: "commonjs fixelf" } : {},
});
