# A NixOS system, as far as it is looked into: the target of /run/current-system.
{
  name,
  path,
  initrd,
  # What is to be in the loader's place; nothing if null. Like NixOS's environment.ldso.
  ldso ? null,
}:

derivation {
  inherit name path initrd ldso;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./make-system ];
}
