/* A tool of the build: turns the page's template into C. Usage: embed PAGE OUTPUT */
#include <stdio.h>

static int embed(FILE *page, FILE *output)
{
    size_t length = 0;
    fputs("#include \"template.h\"\nconst unsigned char template_data[] = {", output);
    for (int c; (c = getc(page)) != EOF; length++)
        fprintf(output, "%s%d,", length % 32 ? "" : "\n", c);
    fprintf(output, "\n0};\nconst size_t template_length = %zu;\n", length);
    return ferror(page) || ferror(output);
}

int main(int argc, char **argv)
{
    FILE *page = argc == 3 ? fopen(argv[1], "rb") : NULL;
    FILE *output = page ? fopen(argv[2], "w") : NULL;
    if (!output) {
        perror("embed");
        if (page)
            fclose(page);
        return 1;
    }
    int failed = embed(page, output);
    failed |= fclose(output);
    fclose(page);
    return failed ? 1 : 0;
}
