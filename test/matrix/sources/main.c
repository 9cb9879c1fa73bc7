int work(int argc);
int main(int argc, char **argv) {
  (void)argv;
  return work(argc);
}
