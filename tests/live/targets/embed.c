/* A program that loads an interpreter as a plug-in, as web servers do: embed LIBPYTHON SCRIPT ARG... */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *library = argc > 2 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
    int (*run)(int, char **) = library ? (int (*)(int, char **))dlsym(library, "Py_BytesMain") : NULL;
    if (!run) {
        fprintf(stderr, "%s\n", library || argc <= 2 ? "no Py_BytesMain" : dlerror());
        return 1;
    }
    return run(argc - 1, argv + 1);
}
