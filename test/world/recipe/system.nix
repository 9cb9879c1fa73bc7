# A NixOS system, as far as anybody looks inside: what /run/current-system is a link to.
{
  name,
  path,
  initrd,
}:

derivation {
  inherit name path initrd;
  system = "x86_64-linux";
  builder = "/bin/sh";
  args = [ ./make-system ];
}
