{
  outputs = _: {
    legacyPackages.x86_64-linux = import ./. { system = "x86_64-linux"; };
  };
}
