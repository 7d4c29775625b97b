// SPDX-License-Identifier: LGPL-2.1-or-later
// Why the kernels read structs of arguments at places that are known when they are compiled (SOURCE() of common.cl):
// rusticl of Mesa 22.3, as Debian 12 has it, crashes in this kernel, where PoCL 3.1 and Intel's driver print 2.
//     cc argument.c -lOpenCL -o argument && RUSTICL_ENABLE=llvmpipe ./argument
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>

static const char *source = "typedef struct three { int of[3]; } three;\n"
                            "kernel void read(const three a, global int *to) {\n"
                            "    int sum = 0;\n"
                            "    for (int i = 0; i < to[0]; i++)\n"
                            "        for (int k = 0; k < a.of[i]; k++)\n"
                            "            sum += a.of[k];\n"
                            "    to[0] = sum;\n"
                            "}\n";

int main(void)
{
    const cl_int three[3] = { 1, 1, 0 };
    cl_int value = 2;
    cl_platform_id platform;
    cl_device_id device;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 77;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, NULL);
    clBuildProgram(program, 1, &device, NULL, NULL, NULL);
    cl_kernel kernel = clCreateKernel(program, "read", NULL);
    cl_mem to = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof value, &value, NULL);
    clSetKernelArg(kernel, 0, sizeof three, three);
    clSetKernelArg(kernel, 1, sizeof to, &to);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, (size_t[]){ 1 }, NULL, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, to, CL_TRUE, 0, sizeof value, &value, 0, NULL, NULL);
    printf("%d\n", value);
    return 0;
}
