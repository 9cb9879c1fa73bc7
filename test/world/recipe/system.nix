# A NixOS system, as far as anybody looks inside: what /run/current-system is a link to.
{
  name,
  path,
  initrd,
  # What is to be at the loader's place; nothing if null. As of environment.ldso of NixOS.
  ldso ? null,
}:

derivation {
  inherit name path initrd ldso;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./make-system ];
}
